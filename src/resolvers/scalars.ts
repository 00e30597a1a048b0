import { GraphQLDateTimeISO, GraphQLJSON, GraphQLSafeInt } from 'graphql-scalars';
import type { GraphQLScalarType } from 'graphql';

const described = (scalar: GraphQLScalarType, name: string, description: string): GraphQLScalarType => {
  scalar.name = name;
  scalar.description = description;
  scalar.specifiedByURL = undefined;
  return scalar;
};

export const SafeInt = described(
  GraphQLSafeInt,
  'SafeInt',
  'A whole number up to 2^53 - 1; used for byte counts.',
);
export const DateTime = described(GraphQLDateTimeISO, 'DateTime', 'ISO 8601 instant, UTC.');
export const Json = described(GraphQLJSON, 'JSON', 'Arbitrary JSON.');
