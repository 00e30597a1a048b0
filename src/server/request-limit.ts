import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { MixgateError } from '../errors.ts';
import type { Caller } from '../access/caller.ts';
import type { RequestContext, Services } from '../resolvers/services.ts';
import type { TraceCarrier, Tracing } from '../tracing/trace.ts';
import { endOperation, openOperation } from './operation-trace.ts';
import { isWorkerTraffic, type ExecutedOperation } from './worker-traffic.ts';

/** Counts an operation for its caller. @throws RATE_LIMITED */
async function takeRequest(operation: ExecutedOperation, { rates, caller }: RequestContext): Promise<void> {
  if (!isWorkerTraffic(operation)) await rates.requests.take(caller.id);
}

/** As `run`, unless the caller has used up its requests: over sockets and streams, that is the operation's one result. */
export const limited =
  <Result>(run: (args: ExecutionArgs) => Result | Promise<Result>) =>
  async (args: ExecutionArgs): Promise<Result | ExecutionResult> => {
    try {
      await takeRequest(args, args.contextValue as RequestContext);
    } catch (error) {
      const errors = [asGraphQLError(error as MixgateError)];
      endOperation((args.contextValue as RequestContext).trace, errors);
      return { errors };
    }
    return run(args);
  };

interface WrongRequest {
  readonly caller: Caller;
  readonly id: string;
  readonly carrier: TraceCarrier;
}

/** Told of each request whose document is not run: it counts as one, and is traced as one. */
export type OnWrong = (request: WrongRequest, errors: readonly GraphQLError[]) => void;

export const countsWrong =
  ({ rates }: Pick<Services, 'rates'>, tracing: Tracing | null): OnWrong =>
  ({ caller, id, carrier }, errors) => {
    rates.requests.spend(caller.id);
    endOperation(openOperation(tracing, id, carrier), errors);
  };

const asGraphQLError = (error: MixgateError): GraphQLError =>
  new GraphQLError(error.message, { originalError: error });

/** Counts requests over HTTP, those that never became an operation included, and answers 429 where a limit is reached. */
export const limitsRequests: ApolloServerPlugin<RequestContext> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ document, operationName, contextValue }) {
        await takeRequest({ document, operationName }, contextValue).catch((error: unknown) => {
          throw asGraphQLError(error as MixgateError);
        });
      },
      async didEncounterErrors({ operation, contextValue: { rates, caller } }) {
        if (operation === undefined) rates.requests.spend(caller.id);
      },
      async willSendResponse({ response, errors = [] }) {
        const [refusal] = errors.flatMap(({ originalError }) => refusalIn(originalError));
        if (refusal === undefined) return;
        response.http.headers.set('retry-after', retryAfter(refusal));
        const { body } = response;
        if (body.kind === 'single' && !body.singleResult.data) response.http.status = 429;
      },
    };
  },
};

const refusalIn = (error: unknown): MixgateError[] =>
  error instanceof MixgateError && error.code === 'RATE_LIMITED' ? [error] : [];

/** Of a RATE_LIMITED error, as the header wants it: whole seconds. */
export const retryAfter = ({ data }: MixgateError): string =>
  String(Math.max(1, Math.ceil(Number(data['retryAfterMs'] ?? 0) / 1000)));
