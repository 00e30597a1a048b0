/**
 * Labels as they are told apart side by side: without the model that all have in common, and with a number where two
 * are the same.
 */
export function shortLabels(labels: readonly string[]): string[] {
  const [first = ''] = labels;
  const model = first.slice(0, first.indexOf(':') + 1);
  const isCommon = model !== '' && labels.every((label) => label.startsWith(model) && label !== model);
  const short = isCommon ? labels.map((label) => label.slice(model.length)) : [...labels];
  return short.map((label, index) => {
    const isAlone = short.every((other, at) => at === index || other !== label);
    return isAlone ? label : `${label} #${index}`;
  });
}
