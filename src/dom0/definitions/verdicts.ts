/** What is judged, and what is said of it: plain facts, as they pass to the page. */

/** A file as the page has it: dropped, chosen or fetched from `dist/guests`. */
export interface NamedFile {
  name: string;
  data: Blob;
  /** It is one of Domain 0's files, and the name its path. */
  inDomain0?: true;
  /** Of Domain 0's, for a definition there: where paths begin that it names and that do not begin with /. */
  directory?: string;
}

export type Verdict = 'used' | 'approximated' | 'ignored' | 'missing' | 'error';

/** What is to be written in place of what is wrong. */
export interface Remedy {
  write: string;
  /** The part that it represents, of what begins at the finding's place; absent: the word or the string there. */
  of?: string;
  /** It is a line of its own, behind all others. */
  line?: true;
}

/** One line of judgement about a definition. Lines and columns count from 1. */
export interface Finding {
  file: string;
  line: number;
  column: number;
  /** The source line. */
  source: string;
  key: string;
  verdict: Verdict;
  /** At most 48 characters: what happens. */
  short: string;
  /** Whole sentence: what, why, next step. */
  text: string;
  /** Of what is wrong in one place and can be fixed there. */
  remedy?: Remedy;
  /** It stops nothing, and looks like a mistake all the same: xl create warns of it. */
  warns?: true;
  /** It is a definition all the same, and may be kept: only no domain starts from it. */
  refusesStart?: true;
  /** Where a card is to be, by the host's name for it: what the host does not have is refused (places-of-cards.ts). */
  place?: { bridge?: string; network?: string };
  /** Of an error that the definition's text alone does not have: what libxl says of it on a real host, and the status with which xl ends. */
  libxl?: { said: readonly string[]; status: number };
}

/** What would be created from the files given. Nothing exists yet. */
export interface Plan {
  /** Name of the domain, once it is known. */
  name: string;
  /** Errors that stop it; empty: `create` will be accepted. */
  errors: Finding[];
  findings: Finding[];
  definition: string;
  /** What `create` is given: a file, and lines of xl.cfg that count more than the file's; absent: nothing can be created. */
  creates?: { file: string; settings?: readonly string[] };
  summary: {
    memoryMiB: number;
    vcpus: number;
    type: string;
    kernel?: string;
    ramdisk?: string;
    cmdline?: string;
    /** "hda: FILE", one a drive. */
    disks?: string[];
    /** It may write to a disk that is a file. */
    writesFiles?: boolean;
    nic?: string;
  };
}
