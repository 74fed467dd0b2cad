package main

import (
	"fmt"
	"io"

	"github.com/zabra/zabra/server/zoocfg"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger returns the logger that the configuration asks for.
func newLogger(w io.Writer, cfg zoocfg.Log) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(cfg.Level)
	if err != nil {
		return nil, usageError{fmt.Errorf("zabra.log.level: %w", err)}
	}
	ec := zap.NewProductionEncoderConfig()
	ec.EncodeTime = zapcore.ISO8601TimeEncoder
	enc := zapcore.NewJSONEncoder(ec)
	if cfg.Format != "json" {
		ec.EncodeLevel = zapcore.CapitalLevelEncoder
		if isTerminal(w) {
			ec.EncodeLevel = zapcore.CapitalColorLevelEncoder
		}
		enc = zapcore.NewConsoleEncoder(ec)
	}
	return zap.New(zapcore.NewCore(enc, zapcore.AddSync(w), level)), nil
}
