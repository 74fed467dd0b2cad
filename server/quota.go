package server

import (
	"strings"
	"time"

	"github.com/zabra/zabra/datatree"
	"github.com/zabra/zabra/server/pipeline"
	"go.uber.org/zap"
)

// quotaGauges shows limits and usage, added up by the first component of the
// path that has the quota.
func (s *Server) quotaGauges() {
	sum := func(value func(q *datatree.QuotaState) int64) func() map[string]int64 {
		return func() map[string]int64 {
			m := map[string]int64{}
			s.core.View(func(t *datatree.Tree) {
				for q := range t.Quotas() {
					namespace, _, _ := strings.Cut(strings.TrimPrefix(q.Path, "/"), "/")
					m[namespace] += value(&q)
				}
			})
			return m
		}
	}
	m := s.metrics
	m.QuotaCountLimit.Set(sum(func(q *datatree.QuotaState) int64 { return q.MaxCount }))
	m.QuotaBytesLimit.Set(sum(func(q *datatree.QuotaState) int64 { return q.MaxBytes }))
	m.QuotaCountUsage.Set(sum(func(q *datatree.QuotaState) int64 { return q.Count }))
	m.QuotaBytesUsage.Set(sum(func(q *datatree.QuotaState) int64 { return q.Bytes }))
}

// A quotaLog warns of quotas that are exceeded and not enforced, once a minute
// for each: every write below one is another. Only the core's goroutine uses it.
type quotaLog struct {
	log  *zap.Logger
	told map[string]time.Time // by path and limit
}

const (
	quotaLogEvery = time.Minute
	quotaLogKeep  = 1000 // quotas remembered
)

func newQuotaLog(log *zap.Logger) *quotaLog {
	return &quotaLog{log: log, told: map[string]time.Time{}}
}

func (l *quotaLog) warn(w pipeline.QuotaWarning) {
	now, key := time.Now(), w.Prefix+" "+w.Limit
	if at, ok := l.told[key]; ok && now.Sub(at) < quotaLogEvery {
		return
	}
	if len(l.told) >= quotaLogKeep {
		clear(l.told)
	}
	l.told[key] = now
	l.log.Warn("quota exceeded", zap.String("path", w.Prefix), zap.String("limit", w.Limit),
		zap.Int64("allowed", w.Max), zap.Int64("would_be", w.New))
}
