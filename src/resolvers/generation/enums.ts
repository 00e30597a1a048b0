import { registerEnumType } from 'type-graphql';
import { ErrorCode } from '../../errors.ts';

export enum ChatRole {
  SYSTEM = 'SYSTEM',
  USER = 'USER',
  ASSISTANT = 'ASSISTANT',
}
export enum DisconnectPolicy {
  CANCEL = 'CANCEL',
  CONTINUE = 'CONTINUE',
}
export enum LanguageDriftPolicy {
  IGNORE = 'IGNORE',
  STOP = 'STOP',
  RETRY = 'RETRY',
}
export enum GenerationState {
  QUEUED = 'QUEUED',
  LOADING = 'LOADING',
  PREFILL = 'PREFILL',
  DECODING = 'DECODING',
  COMPLETED = 'COMPLETED',
  FAILED = 'FAILED',
  CANCELLED = 'CANCELLED',
}
export enum FinishReason {
  END_OF_TEXT = 'END_OF_TEXT',
  MAX_TOKENS = 'MAX_TOKENS',
  STOP_SEQUENCE = 'STOP_SEQUENCE',
  CONTEXT_FULL = 'CONTEXT_FULL',
  LANGUAGE_DRIFT = 'LANGUAGE_DRIFT',
}
registerEnumType(ChatRole, { name: 'ChatRole', description: 'Who speaks.' });
registerEnumType(DisconnectPolicy, {
  name: 'DisconnectPolicy',
  description: 'What happens when the last subscriber leaves before the end.',
});
registerEnumType(LanguageDriftPolicy, {
  name: 'LanguageDriftPolicy',
  description:
    'What happens when an answer leaves the language it is expected in for a run of words: nothing but the report; it ' +
    'is stopped; or it is stopped and asked for once more, as a generation of its own (`retriedAs`).',
});
registerEnumType(GenerationState, {
  name: 'GenerationState',
  description:
    'Waiting, loading the model, reading the prompt, writing the answer, or ended in one of three ways.',
});
registerEnumType(FinishReason, {
  name: 'FinishReason',
  description: 'Why a completed answer ends where it ends.',
});
registerEnumType(ErrorCode, {
  name: 'ErrorCode',
  description: 'What went wrong; the message says what to do. Also `extensions.code` of an error.',
});
