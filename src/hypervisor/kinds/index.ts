/** What a guest is, in one word: definitions, running domains and saved states have the same. */

/** Guests of Xen, by xl's words for them (xl.cfg(5), type). */
export type XenKind = 'hvm' | 'pvh' | 'pv';

/** `pc`: a PC that finds no hypervisor. `kvm`: a PC whose guest finds KVM. */
export type Kind = 'pc' | XenKind | 'kvm';

export const KINDS: readonly Kind[] = ['pc', 'hvm', 'pvh', 'pv', 'kvm'];

/** Its kernel finds Xen: by CPUID, hypercalls and XenStore. */
export const findsXen = (kind: Kind): kind is XenKind => kind !== 'pc' && kind !== 'kvm';

/** It has a PC's board: firmware, IDE, VGA, a serial line. Others have paravirtual devices alone. */
export const hasBoard = (kind: Kind): kind is Exclude<Kind, 'pvh' | 'pv'> => kind !== 'pvh' && kind !== 'pv';

/** xl's type of it: a guest with a board is hvm. */
export const typeOf = (kind: Kind): XenKind => (hasBoard(kind) ? 'hvm' : kind);

/** Kinds that have no machine of their own before their saved state is there. */
export const BUILT_BY_STATE: ReadonlySet<Kind> = new Set(['pv']);
