/** `tsx tools/comparison/main.ts`: writes docs/comparison.md. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { comparisonPage } from './page.ts';

writeFileSync(path.resolve(import.meta.dirname, '../../docs/comparison.md'), comparisonPage());
