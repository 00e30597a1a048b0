import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { MixgateError } from '../../src/errors.ts';
import { PublicErrors } from '../../src/server/public-error.ts';
import { recordingLog } from '../support/recording-log.ts';

function setUp() {
  const { log, events } = recordingLog();
  const codes: string[] = [];
  return { errors: new PublicErrors(log, (code) => codes.push(code)), events, codes };
}

describe('an error that leaves', () => {
  it('is masked and logged with the id of its request where nobody expected it', () => {
    const { errors, events, codes } = setUp();
    const error = new GraphQLError('secret', { originalError: new TypeError('secret') });
    errors.belongTo('request-1', [error]);
    const { message, extensions } = errors.format(error);
    expect(message).not.toContain('secret');
    expect(extensions).toMatchObject({ code: 'INTERNAL', requestId: 'request-1' });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      event: 'request.failed',
      fields: { errorId: extensions!['errorId'], request: 'request-1', message: 'secret' },
    });
    expect(codes).toEqual(['INTERNAL']);
  });

  it('has no id where it belongs to no request, and is counted with its code', () => {
    const { errors, events, codes } = setUp();
    const { extensions } = errors.format(new MixgateError('NOT_FOUND', 'Nothing is here.'));
    expect(extensions).toEqual({ code: 'NOT_FOUND', retryable: false });
    expect(events).toEqual([]);
    expect(codes).toEqual(['NOT_FOUND']);
  });

  it("is counted as one of ours also where it is GraphQL's own", () => {
    const { errors, codes } = setUp();
    errors.format(new GraphQLError('No such field.', { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }));
    errors.format(new GraphQLError('Unheard of.', { extensions: { code: 'UNHEARD_OF' } }));
    expect(codes).toEqual(['INVALID_INPUT', 'OTHER']);
  });
});
