package store

import (
	"strings"

	"go.uber.org/zap"
)

// A logger passes on what an operator should see of Badger's messages.
type logger struct{ log *zap.SugaredLogger }

func (l logger) Errorf(format string, args ...any)   { l.log.Errorf(line(format), args...) }
func (l logger) Warningf(format string, args ...any) { l.log.Warnf(line(format), args...) }
func (l logger) Infof(format string, args ...any)    { l.log.Debugf(line(format), args...) }
func (l logger) Debugf(string, ...any)               {}

func line(format string) string { return "badger: " + strings.TrimSpace(format) }
