export interface Formats {
  readonly bytes: (bytes: number) => string;
  readonly count: (value: number) => string;
  /** Up to two digits after the point. */
  readonly decimal: (value: number) => string;
  /** Four significant digits: ratios near 1. */
  readonly ratio: (value: number) => string;
  /** Date and time of an ISO instant, where the reader is. */
  readonly dateTime: (instant: string) => string;
  /** 46.7 B as people say it of parameters. */
  readonly short: (value: number) => string;
  /** Of the day. */
  readonly time: (when: Date) => string;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function formatsOf(language: string): Formats {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const decimal = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const ratio = new Intl.NumberFormat(language, { maximumSignificantDigits: 5 });
  const dateTime = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
  // Parameters are counted in B and M everywhere, also in Japanese.
  const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'medium' });
  return {
    bytes(bytes) {
      const power = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
      return `${decimal.format(bytes / 2 ** (10 * power))} ${UNITS[power]}`;
    },
    count: (value) => whole.format(value),
    decimal: (value) => decimal.format(value),
    ratio: (value) => ratio.format(value),
    dateTime: (instant) => dateTime.format(new Date(instant)),
    short: (value) => short.format(value),
    time: (when) => time.format(when),
  };
}
