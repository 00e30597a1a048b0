/** `tsx tools/report-schema/main.ts`: writes docs/report.schema.json. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { reportJsonSchema } from '../../src/report/schema.ts';

writeFileSync(path.resolve(import.meta.dirname, '../../docs/report.schema.json'), reportJsonSchema());
