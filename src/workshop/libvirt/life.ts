/** What judge/life.py prints. */
export const LIFE = `pool 0 1 0
refused 38 cannot open directory '/srv/pool': No such file or directory
pool 1 1 1 ['images', 'vg0', 'made']
volume /srv/pool/disk.img 1048576 True
copy 2097152 ['copy.img', 'disk.img']
event life Defined 0
defined True 1 -1
metadata True
event life Started 0
runs True True
blocks 5 1048576
addresses {}
shares {'weight': 256, 'cap': 0} 0 {'weight': 512, 'cap': 0}
screen image/x-portable-pixmap
picture b'P6'
event life Suspended 0
state [3, 1]
event life Resumed 0
event life Stopped 0
state [5, 1]
event life Undefined 0
refused 42 Domain not found: no domain with matching name 'life'
pools ['images', 'vg0'] []
`;
