import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import fc from 'fast-check';
import fastify from 'fastify';
import { loadConfig } from '../../src/config.ts';
import { MixgateError } from '../../src/errors.ts';
import { parsePromptSet } from '../../src/generation/bench/prompt-set.ts';
import { parseManifest } from '../../src/generation/manifest.ts';
import { generationRequest } from '../../src/generation/request.ts';
import { readGgufHeaderFrom } from '../../src/models/gguf.ts';
import { ggufFacts } from '../../src/models/gguf-facts.ts';
import { mlcConfigSchema, mlcTableSchema, parseMlcJson } from '../../src/models/mlc-facts.ts';
import { inspectLibrary } from '../../src/models/mlc-library.ts';
import { readJournal } from '../../src/models/pull/journal.ts';
import { canonical, parseSource, shown } from '../../src/models/pull/source.ts';
import { commandSchema, reportSchema } from '../../src/protocol/frames.ts';
import { carrierOf } from '../../src/server/operation-trace.ts';
import { requestIdOf } from '../../src/server/request-id.ts';
import { sendComposed } from '../../src/server/composed-file.ts';
import { Tracing } from '../../src/tracing/trace.ts';
import { ggufBytes, mlcFiles, smallModel } from '../support/gguf-writer.ts';
import { damagedBytes, damagedText } from './mutations.ts';

/** A parser of what others wrote: what it is fed, and what must hold of whatever comes out. */
export interface Target {
  readonly name: string;
  readonly property: fc.IAsyncPropertyWithHooks<[unknown]>;
}

/** More than any input here takes on a busy machine. */
const HANGS_MS = 10_000;

/**
 * Either it is read, or it is refused with an error of ours that says why: never another error, never a change of what all
 * objects inherit, never for ever.
 */
function target<Input>(name: string, inputs: fc.Arbitrary<Input>, read: (input: Input) => unknown): Target {
  const inherited = Reflect.ownKeys(Object.prototype).length;
  const property = fc.asyncProperty(inputs, async (input) => {
    const startedAt = performance.now();
    try {
      await read(input);
    } catch (error) {
      if (!(error instanceof MixgateError)) throw error;
      assert.notEqual(error.code, 'INTERNAL');
      assert.ok(error.message.length < 50_000, 'an error of a sentence, not of the input');
    }
    assert.equal(Reflect.ownKeys(Object.prototype).length, inherited, 'Object.prototype was written to');
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    assert.ok(performance.now() - startedAt < HANGS_MS, 'took too long');
  });
  return { name, property: property };
}

/** Never asked for more than there is. */
const inMemory = (bytes: Buffer) => ({
  sizeBytes: bytes.length,
  chunkBytes: () => 4096,
  read: async (position: number, length: number) => {
    assert.ok(position + length <= bytes.length, `asked for ${length} bytes at ${position}`);
    return bytes.subarray(position, position + length);
  },
});

const FRAMES = [
  '{"type":"load","id":"1","path":"/a.gguf","files":null,"chatTemplate":null,"gpuLayers":1,"contextSize":512,"slots":1,"batchSize":512,"kvCacheType":"F16","budgetBytes":null}',
  '{"type":"start","id":"2","resident":"1","prompt":{"messages":[{"role":"user","content":"a"}]},"sampling":{"temperature":1,"topK":1,"topP":1,"minP":0,"repeatPenalty":1,"repeatLastN":1,"presencePenalty":0,"frequencyPenalty":0,"seed":1},"contextSize":512,"maxTokens":null,"stop":["x"],"jsonSchema":{"type":"array"},"traceparent":"00-1-2-01"}',
  '{"type":"score","id":"3","resident":"1","text":{"documents":[[{"text":"a","isScored":true}]]},"contextSize":512,"maxWindows":null,"reference":{"path":"/a","mode":"READ","maxBytes":1}}',
  '{"type":"device","id":"1","runtimeVersion":"b1","mathCores":1,"devices":[{"name":"a","kind":"WEBGPU","count":1,"memoryTotalBytes":1,"memoryFreeBytes":1,"webGpu":{"vendor":"a","architecture":"b","isFallbackAdapter":false,"features":["a"],"maxBufferBytes":1,"maxStorageBufferBindingBytes":1}}]}',
  '{"type":"part","id":"1","text":"a","tokens":1,"tokenIds":[1]}',
  '{"type":"end","id":"1","reason":"END_OF_TEXT","usage":{"promptTokens":1,"cachedPromptTokens":0,"completionTokens":1},"timings":{"sample":null,"promptEval":{"ms":1,"count":1},"eval":{"ms":1,"count":1}}}',
  '{"type":"predicted","id":"1","reason":"COMPLETED","candidates":[{"token":1,"text":"a","probability":0.5}]}',
  '{"type":"error","id":"1","error":{"code":"INTERNAL","message":"a","data":{"a":[1]}}}',
];

const MANIFESTS = [
  '{"version":1,"models":[{"source":"hf:owner/repo@main:Q4_K_M","sampling":{"temperature":0.5},"pin":{"slots":2}},{"id":"mine","chatTemplate":"{% for m in messages %}{{ m.content }}{% endfor %}"}]}',
  `version: 1\nmodels:\n  - source: https://example.org/a.gguf\n    sha256: "${'ab'.repeat(32)}"\n    pin: true\n  - &x { id: b }\n`,
];
const CONFIGS = [
  '{"port":4000,"modelsDir":["/a","/b"],"deviceMargin":"1.5 GiB","webgpu":{"headless":true},"allowedHosts":"a:1,10.0.0.0/8"}',
  'port: 4000\nlogLevel: debug\npull:\n  connections: 4\n  retryMs: 5\nhistory: { url: "postgres://a:b@c/d" }\n',
];
const PROMPTS = [
  '{"id":"a","prompt":"hello","maxTokens":5,"tags":["x"]}\n{"messages":[{"role":"USER","content":"b"}],"language":"en"}\n',
];
const REQUESTS = [
  '{"model":"a","prompt":{"messages":[{"role":"USER","content":"b"}]},"sampling":{"topP":0.5,"seed":1},"stop":["c"],"jsonSchema":{"type":"object"},"maxTokens":5}',
];
const SOURCES = [
  ...['hf:owner/repo', 'hf:owner/repo@refs/pr/1:Q4_K_M', 'hf:owner/repo/folder/file.gguf', 'hf:a/b@c/d.gguf'],
  ...[
    'https://user:secret@example.org:8443/a/b.gguf?x=1#y',
    'http://[::1]:80/a.gguf',
    'file:../a b/%2e%2e/c.gguf',
  ],
];

/** `folder` is for those that read files. */
export function targets(folder: () => string): readonly Target[] {
  const fileWith = (name: string, content: Buffer | string): string => {
    const file = path.join(folder(), name);
    writeFileSync(file, content);
    return file;
  };
  return [...weights(fileWith), ...texts(fileWith), ...network()];
}

type FileWith = (name: string, content: Buffer | string) => string;

function weights(fileWith: FileWith): Target[] {
  const rich = smallModel({
    'general.name': 'Small',
    'tokenizer.ggml.tokens': Array.from({ length: 1100 }, (_, index) => `t${index}`),
    'tokenizer.chat_template': '{{ messages }}',
    'split.count': 1,
  });
  const ggufs = [rich, smallModel(), ggufBytes({ 'general.architecture': 'x' }, [])];
  const mlc = Object.fromEntries(
    Object.entries(mlcFiles()).map(([name, content]) => [name, String(content)]),
  );
  const table = mlc['tensor-cache.json'] ?? mlc['ndarray-cache.json'] ?? '{}';
  const wasm = Buffer.from('0061736d01000000010401600000020b01036d6f64046e616d650000', 'hex');
  return [
    target('GGUF headers and what they say', damagedBytes(ggufs), async (bytes) => {
      const header = await readGgufHeaderFrom(inMemory(bytes), 'a.gguf');
      assert.ok(header.dataOffset <= bytes.length + 2 ** 31);
      ggufFacts(header, 'a.gguf');
    }),
    target('the configuration of MLC folders', damagedText([mlc['mlc-chat-config.json'] ?? '{}']), (text) =>
      parseMlcJson(text, 'mlc-chat-config.json', mlcConfigSchema),
    ),
    target('the tensor tables of MLC folders', damagedText([table]), (text) =>
      parseMlcJson(text, 'tensor-cache.json', mlcTableSchema),
    ),
    target('model libraries', damagedBytes([wasm]), async (bytes) => {
      const { interface: found, problem } = await inspectLibrary(fileWith('a.wasm', bytes));
      assert.equal(found === null, problem !== null);
    }),
    target(
      'journals of parts',
      damagedText(['{"file":"a","sizeBytes":10,"validator":null,"ranges":[[0,4],[6,8]]}']),
      (text) => {
        fileWith('part.json', text);
        const journal = readJournal(fileWith('part', '0123456789'));
        for (const [start, end] of journal?.ranges ?? []) assert.ok(start >= 0 && start < end && end <= 10);
      },
    ),
  ];
}

function texts(fileWith: FileWith): Target[] {
  return [
    target('manifests', damagedText(MANIFESTS), (text) => {
      const { models } = parseManifest(text, 'a manifest');
      assert.ok(models.length >= 1 && models.length <= 1000);
    }),
    target('configuration files', damagedText(CONFIGS), (text) => {
      const config = loadConfig({ config: fileWith('config.yaml', text) }, {});
      assert.ok(Object.isFrozen(config) && Number.isInteger(config.port));
    }),
    target('sets of prompts', damagedText(PROMPTS), (text) => {
      for (const { messages } of parsePromptSet(text, 'a set')) assert.ok(messages.length > 0);
    }),
    target('requests', damagedText(REQUESTS), (text) => {
      const value = parsed(text);
      if (typeof value === 'object' && value !== null) JSON.stringify(generationRequest(value, () => null));
    }),
    target('sources', damagedText(SOURCES), (text) => {
      const source = parseSource(text);
      assert.deepEqual(parseSource(canonical(source)), source);
      assert.ok(!shown(source).includes('secret@'));
    }),
    target('frames', damagedText(FRAMES), (text) => {
      const value = parsed(text);
      for (const schema of [commandSchema, reportSchema]) {
        const { success, data } = schema.safeParse(value);
        if (success) assert.deepEqual(schema.parse(JSON.parse(JSON.stringify(data))), data);
      }
    }),
  ];
}

function network(): Target[] {
  const size = 100;
  const app = fastify();
  const bytes = Buffer.alloc(size, 1);
  app.get('/', (request, reply) =>
    sendComposed({ name: 'a.gguf', sizeBytes: size, segments: [bytes] }, request, reply),
  );
  const tracing = new Tracing(trace.getTracer('fuzz'), new W3CTraceContextPropagator());
  return [
    target(
      'Range headers',
      damagedText(['bytes=0-9', 'bytes=-5', 'bytes=5-, 7-9', 'bytes=0-18446744073709551615']),
      async (range) => {
        const answer = await app.inject({ url: '/', headers: { range } });
        assert.ok([200, 206, 416].includes(answer.statusCode), String(answer.statusCode));
        assert.ok(answer.rawPayload.length <= size);
      },
    ),
    target(
      'what requests are called and traced by',
      damagedText(['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'a=1,b=2']),
      (text) => {
        assert.match(requestIdOf({ 'x-request-id': text }), /^[\w.:-]{1,128}$/);
        tracing
          .open('a', carrierOf(parsed(text) as never, { traceparent: text, tracestate: text }), {})
          .end();
      },
    ),
  ];
}

/** Null where it is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
