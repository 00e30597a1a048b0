/** The import directions of ARCHITECTURE.md. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^(src|test|bench)/', pathNot: [from, ...allowed] },
});
const errors = '^src/errors\\.ts$';
const log = '^src/log\\.ts$';
const access = '^src/access/';
const limits = '^src/limits/';
/** The seam alone: OpenTelemetry's SDK is loaded by `start-tracing`. */
const trace = '^src/tracing/trace\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only('protocol-knows-nothing', '^src/protocol/', []),
    only('routing-is-pure', '^src/routing/', []),
    only('errors-know-nothing', errors, []),
    only('log-knows-nothing', log, []),
    only('access', access, [errors]),
    only('limits', limits, [errors]),
    only('tracing', '^src/tracing/', [errors, log]),
    {
      name: 'sdk-is-for-tracing',
      severity: 'error',
      from: { pathNot: '^src/tracing/' },
      to: { path: 'node_modules/@opentelemetry/' },
    },
    {
      name: 'routing-has-no-packages',
      severity: 'error',
      from: { path: '^src/routing/' },
      to: { dependencyTypes: ['npm', 'core'] },
    },
    only('backend-interface', '^src/backends/backend\\.ts$', ['^src/routing/']),
    only('backend-channel', '^src/backends/channel[a-z-]*\\.ts$', [
      '^src/backends/(backend|channel[a-z-]*)\\.ts$',
      '^src/protocol/',
      errors,
    ]),
    only('supervise', '^src/backends/supervise\\.ts$', ['^src/backends/backend\\.ts$', errors]),
    ...['llama-cpp', 'webgpu'].map((adapter) =>
      only(`adapter-${adapter}-knows-the-core`, `^src/backends/${adapter}/`, [
        '^src/backends/(backend|channel|channel-resident)\\.ts$',
        '^src/protocol/',
        '^src/routing/',
        errors,
        log,
      ]),
    ),
    only('language', '^src/language/', [errors]),
    only('report-knows-nothing', '^src/report/', []),
    only('models', '^src/models/', ['^src/routing/', errors, log]),
    only('yaml-depth-knows-nothing', '^src/yaml-depth\\.ts$', []),
    only('generation', '^src/generation/', [
      '^src/yaml-depth\\.ts$',
      access,
      trace,
      '^src/routing/',
      '^src/report/',
      '^src/language/',
      '^src/models/',
      '^src/backends/(backend|supervise)\\.ts$',
      '^src/protocol/',
      errors,
      log,
    ]),
    only('store', '^src/store/', ['^src/generation/', errors, log]),
    only('resolvers', '^src/resolvers/', [
      access,
      limits,
      trace,
      '^src/generation/',
      '^src/report/',
      '^src/language/',
      '^src/models/',
      '^src/backends/backend\\.ts$',
      '^src/routing/',
      errors,
    ]),
    // The metrics are about what generation does.
    only('server', '^src/server/', [
      access,
      '^src/limits/',
      trace,
      '^src/resolvers/',
      '^src/generation/(generation|observer|residency-loop)\\.ts$',
      errors,
      log,
    ]),
    {
      // Loading everything takes longer than most commands do.
      name: 'commands-are-loaded-when-they-run',
      severity: 'error',
      from: { path: '^src/(main|cli/command-line|cli/[a-z]+-(commands|options))\\.ts$' },
      to: {
        path: '^src/',
        pathNot: '^src/(config|errors|package|cli/command-line|cli/[a-z]+-(commands|options))\\.ts$',
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    { name: 'nobody-imports-main', severity: 'error', from: {}, to: { path: '^src/main\\.ts$' } },
    {
      name: 'only-main-imports-the-composition-root',
      severity: 'error',
      from: { pathNot: '^src/main\\.ts$' },
      to: { path: '^src/create-gateway\\.ts$' },
    },
    {
      name: 'nobody-imports-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
