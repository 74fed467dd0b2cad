package status

import (
	"fmt"
	"slices"

	"github.com/zabra/zabra/quorum"
)

// serves reports whether a server answers writes, so that somebody has a quorum.
func (s *Server) serves() bool {
	return s.State == Serving && slices.Contains([]string{leader, follower, observer, standalone}, s.Role)
}

// name is how problems call a server.
func (s *Server) name() string {
	switch {
	case s.ID == nil:
		return s.Address
	case s.Address == "":
		return fmt.Sprintf("server %d", *s.ID)
	}
	return fmt.Sprintf("server %d (%s)", *s.ID, s.Address)
}

// problem notes why all is not well.
func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

// judge finds what is wrong.
func (r *Report) judge(c quorum.Config) {
	ensemble := len(c.Servers) > 1 || slices.ContainsFunc(r.Servers, func(s *Server) bool { return s.Role == leader || s.Role == follower })
	for _, s := range r.Servers {
		r.judgeServer(s, ensemble)
	}
	if !slices.ContainsFunc(r.Servers, (*Server).serves) {
		r.Verdict = Down
		r.problem("nobody serves")
		return
	}
	if ensemble {
		r.judgeLeader(c)
	}
	r.Verdict = OK
	if len(r.Problems) > 0 {
		r.Verdict = Degraded
	}
}

func (r *Report) judgeServer(s *Server, ensemble bool) {
	switch {
	case s.State == NoAnswer:
		r.problem("%s does not answer: %s", s.name(), s.Why)
	case s.State == NotAllowed:
		r.problem("%s does not say how it is: %s", s.name(), s.Why)
	case s.State != Serving:
		r.problem("%s: %s", s.name(), s.Why)
	case s.Role == readOnly:
		r.problem("%s has no quorum, and serves reads only", s.name())
	case s.Role == standalone && ensemble:
		r.problem("%s stands alone: it does not belong to the ensemble of the others", s.name())
	case s.Late:
		r.problem("%s is behind the leader: %d transactions, and more than %d ms", s.name(), *s.Lag, *s.LagMS)
	}
}

func (r *Report) judgeLeader(c quorum.Config) {
	l := leaderOf(r.Servers)
	if l == nil {
		r.problem("nobody of those who answer leads")
		return
	}
	for _, s := range r.Servers {
		if s.Role == leader && s != l {
			r.problem("%s believes that it leads, and so does %s, in a later epoch", s.name(), l.name())
		}
	}
	voters := int64(len(c.Voters()))
	if n := l.SyncedFollowers; n != nil && voters > 0 && *n < voters-1 {
		r.problem("%s leads, and %d of %d followers are in step with it", l.name(), *n, voters-1)
	}
}
