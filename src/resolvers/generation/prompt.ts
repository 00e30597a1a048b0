import type { GenerationRequest } from '../../generation/request.ts';
import { ChatRole } from './enums.ts';
import type { Prompt } from './types.ts';

const ROLES = { system: ChatRole.SYSTEM, user: ChatRole.USER, assistant: ChatRole.ASSISTANT } as const;

export function promptOf({ prompt }: GenerationRequest): Prompt {
  if ('text' in prompt) return { text: prompt.text, messages: null };
  const messages = prompt.messages.map(({ role, content }) => ({ role: ROLES[role], content }));
  return { text: null, messages };
}
