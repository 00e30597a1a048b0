import type { ReportOf } from '../../../../protocol/frames.ts';

type Means = Pick<ReportOf<'scored'>, 'tokens' | 'negativeLogLikelihood' | 'klDivergence' | 'sameTopToken'>;

/** Sums over scored tokens. */
export class Tally {
  readonly #hasReference: boolean;
  tokens = 0;
  #surprise = 0;
  #klDivergence = 0;
  #sameTop = 0;

  constructor(hasReference: boolean) {
    this.#hasReference = hasReference;
  }

  add(surprise: number, compared = { klDivergence: 0, isSameTop: false }): void {
    this.tokens++;
    this.#surprise += surprise;
    this.#klDivergence += compared.klDivergence;
    if (compared.isSameTop) this.#sameTop++;
  }

  get isFinite(): boolean {
    return Number.isFinite(this.#surprise) && Number.isFinite(this.#klDivergence);
  }

  means(): Means {
    const mean = (sum: number, isKnown = true) => (this.tokens > 0 && isKnown ? sum / this.tokens : null);
    return {
      tokens: this.tokens,
      negativeLogLikelihood: mean(this.#surprise),
      klDivergence: mean(this.#klDivergence, this.#hasReference),
      sameTopToken: mean(this.#sameTop, this.#hasReference),
    };
  }
}
