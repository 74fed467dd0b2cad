package status

import (
	"time"

	"github.com/zabra/zabra/wire"
)

// A State says how far a server could be asked.
type State string

// The states.
const (
	Serving    State = "serving"
	NotServing State = "not serving" // it runs, without a leader or not yet
	NotAllowed State = "not allowed" // it runs, and answers nothing that it was asked
	NoAnswer   State = "no answer"
	NoAddress  State = "no address" // a member whose clients connect to who knows where
)

// The roles, as servers call them.
const (
	leader     = "leader"
	follower   = "follower"
	observer   = "observer"
	standalone = "standalone"
	readOnly   = "read-only"
)

// A Server is what is known of one server. What is not known is nil or empty.
type Server struct {
	ID      *wire.SID `json:"id"`
	Address string    `json:"address"`
	State   State     `json:"state"`
	Why     string    `json:"why,omitempty"` // it does not serve
	Role    string    `json:"role,omitempty"`
	Version string    `json:"version,omitempty"`

	Zxid  string      `json:"zxid,omitempty"` // of the last transaction applied, as 0x500000003
	Epoch *wire.Epoch `json:"epoch"`
	Lag   *int64      `json:"lag_transactions"` // behind the leader
	LagMS *int64      `json:"lag_ms"`           // until it had what the leader had, at most
	Late  bool        `json:"late"`             // it had not, within MaxLag

	Latency     *Latency `json:"latency_ms"`
	Connections *int64   `json:"connections"` // the one that asked among them
	Outstanding *int64   `json:"outstanding"`
	Nodes       *int64   `json:"znodes"`
	UptimeMS    *int64   `json:"uptime_ms"`

	PeerState       string `json:"peer_state,omitempty"`
	SyncedFollowers *int64 `json:"synced_followers,omitempty"` // of a leader

	zxid    wire.Zxid
	asked   time.Time // before it answered the zxid
	byAdmin bool      // it answers no words
}

// Latency is that of requests since the start or the last reset, in milliseconds.
type Latency struct {
	Min int64   `json:"min"`
	Avg float64 `json:"avg"`
	Max int64   `json:"max"`
}

// A Verdict is the whole in a word.
type Verdict string

// The verdicts.
const (
	OK       Verdict = "ok"
	Degraded Verdict = "degraded" // it serves, and something is not as it should be
	Down     Verdict = "down"     // nobody serves, or nobody answers
)

// A Report is what all servers said at one time.
type Report struct {
	Time     time.Time `json:"time"`
	Verdict  Verdict   `json:"verdict"`
	Leader   *wire.SID `json:"leader"`
	Servers  []*Server `json:"servers"`  // by id, those of unknown id behind
	Problems []string  `json:"problems"` // why the verdict is not OK
}

func (s *Server) setZxid(z wire.Zxid) {
	e := z.Epoch()
	s.zxid, s.Zxid, s.Epoch = z, z.String(), &e
}
