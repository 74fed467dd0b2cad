package simnet

// Receive makes f the mailbox of a host.
func (n *Net) Receive(h Host, f func(from Host, m any)) { n.mailboxes[h] = f }

// Post sends a message that may get lost. The network keeps m.
func (n *Net) Post(from, to Host, m any) {
	w, i := &n.Weather, n.link(from, to)
	last := n.lastPost[i]
	n.lastPost[i] = m
	if last != nil && n.rng.Float64() < w.PostStale {
		n.deliver(from, to, last)
	}
	if n.rng.Float64() >= w.PostLoss {
		n.deliver(from, to, m)
	}
	if n.rng.Float64() < w.PostTwice {
		n.deliver(from, to, m)
	}
}

func (n *Net) deliver(from, to Host, m any) {
	n.kernel.After(n.delay(), nil, func() {
		if f := n.mailboxes[to]; f != nil && n.Reaches(from, to) {
			f(from, m)
		}
	})
}

// Repost sends the last message from one host to another again, as a new
// connection between election ports does.
func (n *Net) Repost(from, to Host) {
	if m := n.lastPost[n.link(from, to)]; m != nil {
		n.deliver(from, to, m)
	}
}
