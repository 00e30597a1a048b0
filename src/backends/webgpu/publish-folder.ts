import type { LibraryInterface } from '../../routing/weights.ts';
import type { Published } from './adapter.ts';

interface FolderFile {
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** Weights in MLC's format. */
export interface MlcFolder {
  readonly files: readonly FolderFile[];
  /** Name of the model library among them. */
  readonly library: string;
  readonly interface: LibraryInterface;
}

interface Publisher {
  publish(
    files: readonly FolderFile[],
    identity: string,
  ): { readonly urlOf: (name: string) => string; readonly withdraw: () => void };
}

/** The whole folder under one address, known by its hashes. */
export function publishFolder(publisher: Publisher, folder: MlcFolder): Published {
  const { files, library } = folder;
  const identity = JSON.stringify(files.map(({ name, sha256 }) => [name, sha256]));
  const { urlOf, withdraw } = publisher.publish(files, identity);
  return {
    files: files.map(({ name, sizeBytes, sha256 }) => ({ url: urlOf(name), sizeBytes, sha256 })),
    mlc: { model: urlOf(''), library: urlOf(library), interface: folder.interface },
    withdraw,
  };
}
