import { useEffect, useState } from 'react';
import { useClient } from 'urql';
import { map, pipe } from 'wonka';
import { follow } from '../api/follow.ts';
import type { Problem } from '../api/problem.ts';
import { isFinalEvent, newAnswer, take, type Answer } from '../parts/answer.ts';
import { FOLLOW } from '../parts/event-fields.ts';

export interface Followed {
  readonly answer: Answer;
  /** False while the way to the gateway is lost in mid-answer; it is tried again. */
  readonly isConnected: boolean;
  /** Why its events cannot be read. */
  readonly problem: Problem | null;
}

/** A generation from its first event on: at once up to now, then as it comes. Null follows none. */
export function useFollowed(id: string | null): Followed {
  const client = useClient();
  const [followed, setFollowed] = useState<Followed>({
    answer: newAnswer(id),
    isConnected: true,
    problem: null,
  });
  useEffect(() => {
    if (id === null) return undefined;
    return follow({
      ask: (after) =>
        pipe(
          client.subscription(FOLLOW, { id, after }),
          map(({ data, error }) => ({ data: data?.generationEvents, error })),
        ),
      after: 0,
      isFinal: isFinalEvent,
      onEvent: (event) => {
        setFollowed(({ answer }) => ({
          answer: take({ ...answer, id }, event),
          isConnected: true,
          problem: null,
        }));
      },
      onRefused: (problem) => {
        setFollowed((before) => ({ ...before, problem }));
      },
      onLost: () => {
        setFollowed((before) => ({ ...before, isConnected: false }));
      },
    });
  }, [client, id]);
  return followed;
}
