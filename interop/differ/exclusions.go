package differ

import "github.com/zabra/zabra/interop/raw"

// An Exclusion is a request that is not sent, because Zabra's answer differs
// from the reference's on purpose. Each has a probe in the tests of package
// interop that shows both answers.
type Exclusion struct {
	Name, Reason string
	Match        func(op raw.Op, flags int32) bool
}

// Exclusions are all of them.
var Exclusions = []Exclusion{
	{
		"client deleteContainer",
		"the reference deletes without looking at the ACL; it is the server's own request",
		func(op raw.Op, _ int32) bool { return op == raw.OpDeleteContainer },
	},
	{
		"client createSession",
		"the reference answers a second ConnectResponse in the middle of the stream",
		func(op raw.Op, _ int32) bool { return op == raw.OpCreateSession },
	},
	{
		"createContainer with another flag",
		"the reference stores a container whatever the flags say",
		func(op raw.Op, flags int32) bool { return op == raw.OpCreateContainer && flags != raw.Container },
	},
	{
		"createTTL with another flag",
		"the reference logs a combination that it cannot apply",
		func(op raw.Op, flags int32) bool {
			return op == raw.OpCreateTTL && flags != raw.PersistentTTL && flags != raw.PersistentSequentialTTL
		},
	},
	// Two more are looked at where answers come in:
	//
	//   - an undecodable multi may take a zxid: see mayTakeZxid;
	//   - the reference makes up for missed events of nodes that the session may not
	//     read: see withoutHidden.
	//
	// Five more are in the generator itself:
	//
	//   - a wrong password is tried only without a connection: the reference closes
	//     the owner's connection before it looks at the password;
	//   - setWatches is not part of a burst: whether a node could be read then cannot
	//     be told behind it;
	//   - a vector never has a negative count but -1: the reference takes others for
	//     an empty vector, Zabra for an undecodable request;
	//   - a path with a character beyond the BMP is created (and refused), but not
	//     echoed: see beyondBMP;
	//   - setACL is not part of a burst: the reference checks writes that come
	//     behind it against the old list for as long as it is not applied.
}

func excluded(op raw.Op, flags int32) bool {
	for _, x := range Exclusions {
		if x.Match(op, flags) {
			return true
		}
	}
	return false
}

// mayTakeZxid reports whether the step made a transaction on the reference only:
// an undecodable multi takes a zxid there, because it gets as far as the
// preparation of transactions before anybody looks at it. Zabra refuses it, as
// every undecodable request, before anything reaches the log; the reference does
// the same with every other one.
func mayTakeZxid(st Step, all []got) bool {
	return st.Op == raw.OpMulti && len(all) > 0 && all[0].reply && all[0].packet.Err == -5
}
