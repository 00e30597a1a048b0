export interface AskedPrompt {
  readonly text: string | null;
  readonly messages:
    readonly { readonly role: 'SYSTEM' | 'USER' | 'ASSISTANT'; readonly content: string }[] | null;
}

/** What was asked: of a chat, its newest message. */
export const promptText = ({ text, messages }: AskedPrompt): string =>
  text ?? messages?.at(-1)?.content ?? '';
