import { useEffect, useRef, useState } from 'react';
import { useClient, type AnyVariables, type Client, type OperationResult } from 'urql';
import { onEnd, pipe, subscribe, type Source } from 'wonka';
import { problemOf, type Problem } from '../api/problem.ts';
import type { Operation } from './operation.ts';

/** Answers that are kept; of a long stream the newest. */
const KEPT = 200;

export interface Run {
  readonly state: 'none' | 'running' | 'ended' | 'stopped';
  /** As the gateway gave them: JSON. */
  readonly answers: readonly string[];
  /** How many came, those that are not kept included. */
  readonly count: number;
  /** What kept it from being sent, or its answers from coming. */
  readonly problem: Problem | null;
}

export interface Running {
  readonly run: Run;
  readonly start: (operation: Operation | Problem) => void;
  readonly stop: () => void;
}

const NO_RUN: Run = { state: 'none', answers: [], count: 0, problem: null };

/** Runs one operation at a time; answers are shown once a frame, however fast they come. */
export function useRun(): Running {
  const client = useClient();
  const [run, setRun] = useState(NO_RUN);
  const end = useRef<() => void>(() => undefined);
  useEffect(() => () => end.current(), []);

  function start(operation: Operation | Problem): void {
    end.current();
    if ('code' in operation) return setRun({ ...NO_RUN, state: 'ended', problem: operation });
    let now: Run = { ...NO_RUN, state: 'running' };
    let frame = 0;
    let isOver = false;
    const change = (part: Partial<Run>): void => {
      // Its end is told to whoever ends it, too.
      if (isOver) return;
      now = { ...now, ...part };
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setRun(now);
      });
    };
    setRun(now);
    const isSingle = operation.kind !== 'subscription';
    const subscription = pipe(
      send(client, operation),
      onEnd(() => change({ state: 'ended' })),
      subscribe((result) => {
        change(take(now, result, isSingle));
      }),
    );
    end.current = () => {
      isOver = true;
      cancelAnimationFrame(frame);
      subscription.unsubscribe();
    };
  }

  return {
    run,
    start,
    stop: () => {
      end.current();
      setRun((before) => ({ ...before, state: 'stopped' }));
    },
  };
}

type Result = OperationResult<unknown, AnyVariables>;

function send(client: Client, { kind, query, variables }: Operation): Source<Result> {
  if (kind === 'query') return client.query<unknown>(query, variables);
  return kind === 'mutation'
    ? client.mutation<unknown>(query, variables)
    : client.subscription<unknown>(query, variables);
}

function take({ answers, count }: Run, { data, error }: Result, isSingle: boolean): Partial<Run> {
  const ended = isSingle ? ({ state: 'ended' } as const) : {};
  if (error?.networkError) return { ...ended, problem: problemOf(error) };
  const answer = { ...(data !== undefined && { data }), ...(error && { errors: error.graphQLErrors }) };
  const text = JSON.stringify(answer, null, isSingle ? 2 : undefined);
  return { ...ended, answers: [...answers, text].slice(-KEPT), count: count + 1 };
}
