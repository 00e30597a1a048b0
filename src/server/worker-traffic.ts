import { getOperationAST, Kind, type DocumentNode } from 'graphql';

export interface ExecutedOperation {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
}

const FIELDS: ReadonlySet<string> = new Set(['workerCommands', 'workerReports']);

/**
 * Whether an operation is nothing but what browsers say that lend themselves, heartbeats included. They have their own
 * key, and what is lost there is lost to all: it is not limited. It carries the tokens of others, whose spans are
 * elsewhere: it is not traced.
 */
export function isWorkerTraffic({ document, operationName }: ExecutedOperation): boolean {
  const selections = getOperationAST(document, operationName)?.selectionSet.selections ?? [];
  return (
    selections.length > 0 &&
    selections.every((selection) => selection.kind === Kind.FIELD && FIELDS.has(selection.name.value))
  );
}
