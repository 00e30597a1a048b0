/** Prints the GPU's memory as JSON; with a model as argument, holds it in that memory until killed. */
import { getLlama } from 'node-llama-cpp';

const [modelPath] = process.argv.slice(2);
const llama = await getLlama({ gpu: 'vulkan', build: 'never', maxThreads: 1 });
// Referred to until the end: a model that is collected frees its memory.
const model = modelPath === undefined ? null : await llama.loadModel({ modelPath, gpuLayers: 'max' });
const { total, used } = await llama.getVramState();
process.stdout.write(`${JSON.stringify({ total, used })}\n`);
if (model === null) process.exit();
else setInterval(() => model.disposed, 1e6);
