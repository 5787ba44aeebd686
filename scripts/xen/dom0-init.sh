#!/bin/busybox sh
# Domain 0 of scripts/xen/real.mjs: starts Xen's own toolstack, creates the guest of /guest, types the lines of /lines at its
# prompts, and sends what it said to the serial line when it has ended, or says nothing more.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/lib/xen-4.17/bin LD_LIBRARY_PATH=/lib/x86_64-linux-gnu
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
for module in xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs; do insmod /modules/$module.ko; done
mount -t xenfs xenfs /proc/xen
xenstored --pid-file /run/xenstored.pid
sleep 1
xen-init-dom0
xenconsoled --log=guest --log-dir=/var/log
echo 'REAL-XEN: created'
xl create /guest.cfg
log=/var/log/guest-guest.log
id=$(xl domid guest)
tty=$(xenstore-read /local/domain/$id/console/tty)
stty -F $tty raw -echo 2>/dev/null

typed=0
quiet=0
size=0
while [ $quiet -lt $(cat /patience) ] && xl domid guest >/dev/null 2>&1; do
  sleep 1
  now=$(wc -c <$log)
  if [ "$now" = "$size" ]; then quiet=$((quiet + 1)); else quiet=0; fi
  size=$now
  # A line for every prompt, in order, as soon as it is there.
  if [ -s /prompt ] && [ $(grep -a -o -F "$(cat /prompt)" $log | wc -l) -gt $typed ]; then
    typed=$((typed + 1))
    line=$(sed -n "${typed}p" /lines)
    if [ -n "$line" ]; then printf '%s\r' "$line" >$tty; quiet=0; fi
  fi
done
sleep 2
end=$(grep -a -o 'has shut down.*' /var/log/xen/xl-guest.log | head -1)
echo "REAL-XEN: end the guest ${end:-said nothing more}"
echo 'REAL-XEN: console'
base64 $log
echo 'REAL-XEN: done'
sleep 1
poweroff -f
