import { FakeBackend } from '../support/fake-backend.ts';
import { describeBackend } from './describe-backend.ts';

describeBackend('fake', () => {
  const backend = new FakeBackend();
  return { backend, path: 'model.gguf', brokenPath: 'broken.txt', endless: {}, crash: () => backend.crash() };
});
