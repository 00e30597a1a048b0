import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Few rules, all errors. Layout is prettier's, import directions are dependency-cruiser's. */
export default tseslint.config(
  {
    ignores: [
      ...['dist/', 'models/', 'tools/demo-model/', '**/*.cjs', '**/*.mjs', '*.js'],
      // AssemblyScript, which its own compiler checks.
      'test/support/mlc-model/library/',
      // Generated from the schema.
      'web/dashboard/api/schema-types.d.ts',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // An interface may promise what this implementation has at once.
      '@typescript-eslint/require-await': 'off',
      'eqeqeq': 'error',
      'max-depth': ['error', 3],
    },
  },
  { files: ['web/dashboard/**/*.tsx', 'web/dashboard/**/use-*.ts'], ...reactHooks.configs.flat.recommended },
  {
    files: ['src/**'],
    rules: {
      'no-console': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 4],
    },
  },
  {
    // Resolvers take each GraphQL argument as a parameter; graphql-ws decides what its hooks are given.
    files: ['src/resolvers/**', 'src/server/websocket.ts'],
    rules: { 'max-params': 'off' },
  },
);
