package pipeline

import (
	"strings"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/wire"
)

// A QuotaWarning tells that a write went beyond a limit that does not stop it.
type QuotaWarning struct {
	Prefix string // the node that has the quota
	Limit  string // the key of the limit, as in the limits node
	Max    int64  // the limit
	New    int64  // nodes or bytes after the write
}

// keepWarnings is how many warnings wait to be taken. More are dropped: the
// first ones tell an operator enough.
const keepWarnings = 16

// TakeWarnings returns the quota warnings since it was last called.
func (p *Preparer) TakeWarnings() []QuotaWarning {
	w := p.warnings
	p.warnings = nil
	return w
}

// checkQuota compares one operation with what is applied, not with what is
// under way or done by the same multi before it: ZooKeeper's check does not
// accumulate, and a client can see that.
func (p *Preparer) checkQuota(path string, addBytes, addCount int64) wire.Code {
	q := p.tree.CheckQuota(path, addBytes, addCount)
	if q.Prefix == "" {
		return wire.OK
	}
	if p.opts.EnforceQuota && q.Refused() {
		return wire.QuotaExceeded
	}
	p.warn(q.Prefix, "count", "countHardLimit", q.Count)
	p.warn(q.Prefix, "bytes", "byteHardLimit", q.Bytes)
	return wire.OK
}

func (p *Preparer) warn(prefix, soft, hard string, l datatree.Limit) {
	if !l.Exceeded || len(p.warnings) >= keepWarnings {
		return
	}
	key := soft
	if l.Hard {
		key = hard
	}
	p.warnings = append(p.warnings, QuotaWarning{Prefix: strings.Clone(prefix), Limit: key, Max: l.Max, New: l.New})
}
