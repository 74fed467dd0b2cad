// Package sdnotify tells systemd how a service of Type=notify is doing: one datagram to
// the socket that systemd has named in the environment variable NOTIFY_SOCKET.
//
// Source: the manual page sd_notify(3).
package sdnotify
