/** One thing that the doctor looked at. `facts` are the numbers of its sentence. */
export interface Finding {
  readonly level: 'OK' | 'WARNING' | 'BROKEN';
  readonly about:
    | 'VERSION'
    | 'BACKEND'
    | 'DEVICE'
    | 'MARGINS'
    | 'MODEL'
    | 'LOAD'
    | 'DISK'
    | 'HISTORY'
    | 'CHROMIUM'
    | 'PORT';
  readonly text: string;
  /** What to do; null where nothing is wrong. */
  readonly advice: string | null;
  readonly facts: object;
}

export const ok = (about: Finding['about'], text: string, facts: object): Finding => ({
  level: 'OK',
  about,
  text,
  advice: null,
  facts,
});
