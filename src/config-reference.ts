import { CONFIG_KEYS, configSchema, documentedDefault, environmentName, flagName } from './config.ts';
import { RELOADS } from './config-reload.ts';

/** docs/configuration.md. */
export function configReference(): string {
  const rows = CONFIG_KEYS.map((key) => {
    const schema = configSchema.shape[key];
    return `| \`${key}\` | \`${flagName(key)}\` | \`${environmentName(key)}\` | \`${documentedDefault(key)}\` | ${RELOADS[key] ? 'reload' : 'restart'} | ${schema.description} |`;
  });
  return `# Configuration

Made by \`npm run generate\` from the schema that checks it (src/config.ts). Every option can stand in a YAML or JSON
file (\`--config FILE\` or \`MIXGATE_CONFIG\`), in the environment, or on the command line; the later wins. A file may
group options: \`webgpu: { headless: true }\` is \`webgpuHeadless: true\`. Several folders of \`modelsDir\`: a list in
the file, separated as in PATH in the environment, the flag repeated; other lists are separated by commas. Bytes may
carry a unit: \`512MiB\`, \`16GB\`.

A running gateway rereads the file when it changes and on SIGHUP ([docs/operate.md](operate.md#reload)): what takes
effect at \`reload\` does so without dropping a stream, the rest at the next start.

| file | flag | environment | default | takes effect at | |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

All of them as a file:

\`\`\`yaml
${CONFIG_KEYS.map((key) => `# ${key}: ${documentedDefault(key)}`).join('\n')}
\`\`\`
`;
}
