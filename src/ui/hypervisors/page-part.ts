/** What the page says and how it writes commands on a host with one hypervisor. Each has all of it: xen.ts, kvm.ts. Inspectors have words of their own next to them. */

export interface PageWords {
  tree: {
    /** No guest runs. */
    none: string;
    /** The hypervisor, and how virsh connects to it. */
    connection: string;
  };
  openShell: string;
  home: {
    /** `since`: what its start is timed from; `size`: of what was fetched for it, empty where nothing was. */
    started(seconds: string, since: string, size: string): string;
    lede: string;
    log: string;
    logHint: string;
    /** The comparison of ways to a disk, and what it does. */
    ways: string;
    waysHint: string;
  };
  shell: {
    name: string;
    /** It ended together with the host. */
    hostEnded: string;
  };
  strip: {
    noTask: string;
    log: string;
    showShell: string;
    showLog: string;
  };
  errors: {
    workerFailed(what: string): string;
    /** Of a command that was under way. */
    hostEnded: string;
    /** Of a guest. */
    endedWithHost: string;
    hostLost(names: readonly string[]): string;
    hostStopped: string;
    hostKeepsEnding: string;
  };
}

export interface PagePart {
  words: PageWords;
}
