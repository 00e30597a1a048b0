/** Prints the GPU's memory as JSON; with a model as argument, holds it in that memory until killed. */
import { getLlama } from 'node-llama-cpp';

const [modelPath] = process.argv.slice(2);
const llama = await getLlama({ gpu: 'vulkan', build: 'never', maxThreads: 1 });
if (modelPath !== undefined) await llama.loadModel({ modelPath, gpuLayers: 'max' });
const { total, used } = await llama.getVramState();
process.stdout.write(`${JSON.stringify({ total, used })}\n`);
if (modelPath !== undefined) setInterval(() => undefined, 1e6);
else process.exit();
