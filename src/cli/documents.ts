/** What the command line asks a gateway. */

export const LIST_HISTORY = `query ($first: Int!, $filter: GenerationFilterInput) {
  history { isOn problem usage { generations comparisons evaluations bytes } }
  generations(first: $first, filter: $filter) {
    edges { node { id createdAt state comparisonId text usage { completionTokens } plan { variant { id } } } }
  }
}`;

const PLAN = `plan { variant { id quantization } backend deviceName deviceKind gpuLayers totalLayers contextSize
  memory { deviceTotalBytes hostTotalBytes } reasons }`;
const STAGE = 'ms count msPerToken tokensPerSecond';
const GENERATION = `id createdAt finishedAt state comparisonId seed text finishReason retriedAs retryOf
  prompt { text messages { role content } }
  settings { model quantization backend device gpuLayers contextSize kvCacheType objective maxTokens stop jsonSchema
    sampling { temperature topK topP minP repeatPenalty repeatLastN presencePenalty frequencyPenalty } }
  error { code message } usage { promptTokens cachedPromptTokens completionTokens }
  timings { queueMs loadMs timeToFirstTokenMs totalMs sample { ${STAGE} } promptEval { ${STAGE} } eval { ${STAGE} } }
  language { promptLanguage answerLanguage consistency driftOffset } ${PLAN}`;

/** Per kind, what a line of the export holds. */
const EXPORTED = {
  generations: GENERATION,
  comparisons: `id createdAt isBlind isRevealed schedule { taken reasons }
    votes { lane value comment createdAt isBlind }
    lanes { label inputIndex memoryBytes energyPerTokenJoules divergence { firstDifferentToken commonPrefixChars }
      generation { id } }`,
  evaluations: `id createdAt finishedAt state error { code message } model reference contextSize
    text { sha256 characters excerpt }
    results { quantization result { tokens perplexity klDivergence sameTopToken } }`,
} as const;
const PAGE = 100;

const exportOf = (field: keyof typeof EXPORTED): string =>
  `query ($after: String) { page: ${field}(first: ${PAGE}, after: $after) {
    edges { node { ${EXPORTED[field]} } } pageInfo { hasNextPage endCursor } } }`;

/** By kind, a page of them. */
export const EXPORT_HISTORY = {
  generations: exportOf('generations'),
  comparisons: exportOf('comparisons'),
  evaluations: exportOf('evaluations'),
} as const;

export const DELETE_HISTORY = `mutation ($id: ID!) {
  generation: deleteGeneration(id: $id) comparison: deleteComparison(id: $id) evaluation: deleteEvaluation(id: $id) }`;

export const CLEAR_HISTORY = 'mutation ($before: DateTime) { clearHistory(before: $before) }';

export const REMOVE_VARIANT =
  'mutation ($id: ID!, $force: Boolean) { removeVariant(id: $id, force: $force) }';
