interface Card {
  readonly name: string;
  readonly gib: number;
  /** Nominal, from the maker's data sheet, GB/s. */
  readonly bandwidth: number;
}

/** Cards that people have, by memory. Bandwidths are those of src/routing/bandwidth.ts where it has them. */
export const CARDS: readonly Card[] = [
  { name: 'GeForce RTX 2060', gib: 6, bandwidth: 336 },
  { name: 'GeForce RTX 4060', gib: 8, bandwidth: 272 },
  { name: 'GeForce RTX 3080', gib: 10, bandwidth: 760 },
  { name: 'GeForce RTX 3060', gib: 12, bandwidth: 360 },
  { name: 'Tesla V100', gib: 16, bandwidth: 900 },
  { name: 'GeForce RTX 4090', gib: 24, bandwidth: 1008 },
  { name: 'GeForce RTX 5090', gib: 32, bandwidth: 1792 },
  { name: 'A40', gib: 48, bandwidth: 696 },
  { name: 'H100', gib: 80, bandwidth: 3350 },
];
