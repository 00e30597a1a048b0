import { useCallback, useEffect, useRef, useState } from 'react';
import { useClient, type TypedDocumentNode } from 'urql';
import { mayPass, problemOf, type Problem } from '../api/problem.ts';

const PAGE_SIZE = 20;
/** Where the gateway or its database was away. */
const RETRY_MS = 5000;

interface Listed<Node> {
  readonly entries: {
    readonly edges: readonly { readonly node: Node }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

interface Loaded<Node> {
  /** What was asked for. */
  readonly key: string;
  readonly nodes: readonly Node[];
  readonly endCursor: string | null;
  readonly hasMore: boolean;
  readonly problem: Problem | null;
}

export interface Pages<Node> extends Omit<Loaded<Node>, 'key' | 'endCursor'> {
  /** Something is being asked for; what was there before stays until it is here. */
  readonly isBusy: boolean;
  readonly more: () => void;
  /** Asks anew, from the newest on. */
  readonly refresh: () => void;
  /** Leaves out what is deleted. */
  readonly leaveOut: (id: string) => void;
}

/** A list that is read page by page, as far as somebody wants to see it. */
export function usePages<Node extends { readonly id: string }, Filter>(
  document: TypedDocumentNode<Listed<Node>, { filter: Filter; first: number; after?: string | null }>,
  filter: Filter,
): Pages<Node> {
  const client = useClient();
  const key = JSON.stringify(filter);
  const [loaded, setLoaded] = useState<Loaded<Node> | null>(null);
  const [turn, setTurn] = useState(0);
  const [isBusy, setIsBusy] = useState(true);
  /** Of the newest question; what an older one brings is nobody's. */
  const question = useRef(0);

  const ask = useCallback(
    /** True where it should be tried again. */
    async (before: Loaded<Node> | null): Promise<boolean> => {
      const mine = ++question.current;
      setIsBusy(true);
      const after = before?.endCursor ?? null;
      const variables = { filter: JSON.parse(key) as Filter, first: PAGE_SIZE, after };
      const { data, error } = await client.query(document, variables).toPromise();
      if (mine !== question.current) return false;
      const problem = error ? problemOf(error) : null;
      setIsBusy(false);
      if (data) {
        const { edges, pageInfo } = data.entries;
        const nodes = [...(before?.nodes ?? []), ...edges.map(({ node }) => node)];
        setLoaded({ key, nodes, problem, endCursor: pageInfo.endCursor, hasMore: pageInfo.hasNextPage });
      } else {
        const nothing = { key, nodes: [], endCursor: null, hasMore: false };
        setLoaded((now) => ({ ...(now?.key === key ? now : nothing), problem }));
      }
      return problem !== null && mayPass(problem);
    },
    [client, document, key],
  );

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const attempt = async (): Promise<void> => {
      const isLater = await ask(null);
      if (isLater && !isOver) timer = setTimeout(() => void attempt(), RETRY_MS);
    };
    void attempt();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [ask, turn]);

  const { nodes, hasMore, problem } = loaded ?? { nodes: [], hasMore: false, problem: null };
  return {
    nodes,
    hasMore,
    problem,
    isBusy,
    more: () => void ask(loaded),
    refresh: () => setTurn((before) => before + 1),
    leaveOut: (id) =>
      setLoaded((now) => now && { ...now, nodes: now.nodes.filter((node) => node.id !== id) }),
  };
}
