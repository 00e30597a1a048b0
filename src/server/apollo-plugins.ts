import type { ApolloServerPlugin } from '@apollo/server';
import Negotiator from 'negotiator';
import { GraphQLError, OperationTypeNode } from 'graphql';
import type { RequestContext } from '../resolvers/services.ts';
import { MixgateError } from '../errors.ts';
import { introspectionProblem } from './introspection.ts';
import type { PublicErrors } from './public-error.ts';

const JSON_TYPE = 'application/json; charset=utf-8';
const GRAPHQL_TYPE = 'application/graphql-response+json; charset=utf-8';
/** In Apollo's own order: what a caller gets who does not care. */
const OFFERED = [JSON_TYPE, GRAPHQL_TYPE];

/** Whether who asks has not asked for GraphQL's own type, which may come with other statuses than 200. */
export const isPlainJson = (accept: string | undefined): boolean =>
  accept === undefined || new Negotiator({ headers: { accept } }).mediaType(OFFERED) === JSON_TYPE;

const REQUEST_ERRORS = new Set<unknown>([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'OPERATION_RESOLUTION_FAILURE',
]);

/**
 * GraphQL over HTTP: a well-formed request whose document or variables are wrong is answered 200 as plain
 * `application/json`, where 4xx would mean that no GraphQL server answered. Apollo says 400 always.
 */
export const specStatus: ApolloServerPlugin = {
  async requestDidStart() {
    return {
      async willSendResponse({ request, response, errors }) {
        if (response.http.status !== 400 || response.body.kind !== 'single') return;
        if (response.body.singleResult.data !== undefined || errors === undefined) return;
        if (!errors.every(({ extensions }) => REQUEST_ERRORS.has(extensions['code']))) return;
        if (isPlainJson(request.http?.headers.get('accept'))) response.http.status = 200;
      },
    };
  },
};

/** A subscription over plain HTTP would be executed once and answered with nothing: say where it goes instead. */
export const noSubscriptionsOverHttp: ApolloServerPlugin = {
  async requestDidStart() {
    return {
      async didResolveOperation({ operation }) {
        if (operation?.operation !== OperationTypeNode.SUBSCRIPTION) return;
        throw new GraphQLError(
          'Subscriptions go over WebSocket (graphql-transport-ws) at this address, or over server-sent events at ' +
            '/graphql/stream.',
          { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } },
        );
      },
    };
  },
};

/** Apollo formats errors without saying whose they are. */
export const namesRequests = (errors: PublicErrors): ApolloServerPlugin<RequestContext> => ({
  async requestDidStart() {
    return {
      async didEncounterErrors({ contextValue, errors: encountered }) {
        errors.belongTo(contextValue.requestId, encountered);
      },
    };
  },
});

export const CHALLENGE = 'Bearer realm="mixgate"';

/** Who has shown nothing is told so by HTTP's means too, and is not shown the schema. */
export const asksForCredentials: ApolloServerPlugin<RequestContext> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ schema, document, contextValue }) {
        const problem = introspectionProblem(schema, document, contextValue.caller);
        if (problem !== null) throw new GraphQLError(problem.message, { originalError: problem });
      },
      async willSendResponse({ response, errors = [], contextValue }) {
        if (contextValue.caller.role !== null || !errors.some(isUnauthenticated)) return;
        response.http.status = 401;
        response.http.headers.set('www-authenticate', CHALLENGE);
      },
    };
  },
};

const isUnauthenticated = ({ originalError }: GraphQLError): boolean =>
  originalError instanceof MixgateError && originalError.code === 'UNAUTHENTICATED';
