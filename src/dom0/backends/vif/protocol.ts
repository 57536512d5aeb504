/** The two rings of a network interface. Source: xen/include/public/io/netif.h. Offsets are words of a slot. */

/** netif_tx_request: gref; offset, flags << 16; id, size << 16. netif_tx_response: id, status << 16. */
export const TX_SLOT_BYTES = 12;
/** netif_rx_request: id; gref. netif_rx_response: id, offset << 16; flags, status << 16. netif_extra_info has the same eight bytes on both rings. */
export const RX_SLOT_BYTES = 8;

export const TXF = { CSUM_BLANK: 1, DATA_VALIDATED: 2, MORE_DATA: 4, EXTRA_INFO: 8 } as const;
export const RXF = { DATA_VALIDATED: 1, CSUM_BLANK: 2, MORE_DATA: 4, EXTRA_INFO: 8 } as const;
/** NULL: the slot was extra information. */
export const RSP = { OKAY: 0, ERROR: -1, DROPPED: -2, NULL: 1 } as const;
export const EXTRA = { GSO: 1, MCAST_ADD: 2, MCAST_DEL: 3, HASH: 4 } as const;
/** Another one follows. */
export const EXTRA_MORE = 1;
export const GSO_TCPV4 = 1;

/** XEN_NETIF_NR_SLOTS_MIN: slots of one packet that every back end takes. */
export const SLOTS_MOST = 18;
/** A front end that sends more in one packet than this is broken (fatal_skb_slots of Linux's netback); between the two the packet alone is lost. */
export const SLOTS_FATAL = 20;
