/** Station address of a card for which none is given, as in states saved before cards had addresses of their own. */
export const DEFAULT_MAC = '00:16:3e:00:00:01';
