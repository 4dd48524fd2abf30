/** Addresses and names, as `cos-issuer run --json` prints them. */
export interface Addresses {
  gatewayUrl: string;
  callersUrl: string;
  consoleUrl: string;
  cosUrl: string;
  cosHttpsUrl: string;
  stsUrl: string;
  stsHttpUrl: string;
  caFile: string;
  bucket: string;
  region: string;
  appid: number;
  adminUrl: string;
  adminToken: string;
  seed: number;
}

/** A running local cloud. */
export class LocalCloud {
  private constructor();
  readonly addresses: Addresses;
  /** Stops it; with `--state`, that writes the file. */
  stop(): Promise<void>;
  /** COS and the clock are again as they were after the start, and no faults are left. */
  reset(): Promise<void>;
  /** Moves the clock by seconds, or by a text such as `31m`. */
  advanceClock(span: number | string): Promise<void>;
  /** Writes what COS stores, and the clock, to a file. */
  saveState(file: string): Promise<void>;
  /** Puts the state of a file in place of the present one. */
  loadState(file: string): Promise<void>;
  /** The answer of the admin API, for example to `("POST", "/faults", {...})`. */
  admin(method: string, route: string, body?: unknown): Promise<any>;
}

/** Starts a local cloud, and waits until it is ready. `arguments` are those of `cos-issuer run`. */
export function startLocalCloud(options?: { arguments?: string[]; program?: string }): Promise<LocalCloud>;
