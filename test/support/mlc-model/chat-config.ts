import type { ChainTokenizer } from './chain-tokenizer.ts';

type Special = ChainTokenizer['special'];

export interface ChatConfigFacts {
  readonly special: Special;
  /** What stands in the library's metadata too. */
  readonly limits: object;
  readonly modelConfig: { readonly vocab_size: number };
  readonly tokenizerFiles: readonly string[];
}

/** mlc-chat-config.json of a model that is spoken to in ChatML. */
export const chatConfig = ({ special, limits, modelConfig, tokenizerFiles }: ChatConfigFacts): object => ({
  version: '0.1.0',
  ...limits,
  model_config: modelConfig,
  vocab_size: modelConfig.vocab_size,
  temperature: 0.7,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
  top_p: 0.95,
  tokenizer_files: tokenizerFiles,
  tokenizer_info: {
    token_postproc_method: 'byte_level',
    prepend_space_in_encode: false,
    strip_space_in_decode: false,
  },
  conv_template: chatMl(special),
  pad_token_id: special['<|endoftext|>'],
  bos_token_id: special['<|endoftext|>'],
  eos_token_id: [special['<|im_end|>'], special['<|endoftext|>']],
});

const chatMl = (special: Special) => ({
  name: 'chatml',
  system_template: '<|im_start|>system\n{system_message}<|im_end|>\n',
  system_message: 'You count.',
  system_prefix_token_ids: null,
  add_role_after_system_message: true,
  roles: { user: '<|im_start|>user', assistant: '<|im_start|>assistant' },
  role_templates: { user: '{user_message}', assistant: '{assistant_message}', tool: '{tool_message}' },
  messages: [],
  seps: ['<|im_end|>\n'],
  role_content_sep: '\n',
  role_empty_sep: '\n',
  stop_str: ['<|endoftext|>', '<|im_end|>'],
  stop_token_ids: [special['<|endoftext|>'], special['<|im_end|>']],
  function_string: '',
  use_function_calling: false,
});
