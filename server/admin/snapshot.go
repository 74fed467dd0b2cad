package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"go.uber.org/zap"
)

// maxBody bounds the body of a POST that is not a snapshot.
const maxBody = 64 << 10

// The headers of a snapshot, in ZooKeeper's spelling: HTTP ignores case, scripts
// may not.
var lastZxidHeader, snapshotSizeHeader = "last_zxid", "snapshot_size"

// snapshot takes a snapshot and, unless ?streaming=false, sends it. Refusals
// have a null error, as ZooKeeper's have; the log says why.
func (a *Admin) snapshot(r *http.Request) response {
	if refused := a.refuseTransfer("snapshot", a.opts.SnapshotEnabled); refused != nil {
		return *refused
	}
	if !a.snapshots.begin() {
		a.metrics.SnapshotRateLimited.Inc(0)
		return failed(http.StatusTooManyRequests, "")
	}
	defer a.snapshots.end()
	file, err := a.node.TakeSnapshot(context.WithoutCancel(r.Context()))
	if err != nil {
		a.metrics.SnapshotErrors.Inc(0)
		a.log.Error("snapshot over admin HTTP failed", zap.Error(err))
		return failed(http.StatusInternalServerError, "")
	}
	resp := response{header: http.Header{
		lastZxidHeader:     {file.Zxid.String()},
		snapshotSizeHeader: {strconv.FormatInt(file.Size, 10)},
	}}
	if wantsStream(r) {
		resp.stream, resp.size = file, file.Size
		return resp
	}
	if err := file.Close(); err != nil {
		a.log.Warn("closing a snapshot failed", zap.Error(err))
	}
	return resp
}

// wantsStream is true unless the query says otherwise; like Java it takes
// anything but "true" for false.
func wantsStream(r *http.Request) bool {
	query := r.URL.Query()
	return !query.Has("streaming") || strings.EqualFold(query.Get("streaming"), "true")
}

// refuseTransfer returns the answer to snapshot and restore where they are
// switched off, else nil.
func (a *Admin) refuseTransfer(name string, enabled bool) *response {
	if !enabled {
		a.log.Warn("admin command is disabled", zap.String("command", name))
		return refuse(http.StatusServiceUnavailable, "")
	}
	if !a.opts.SerializeLastZxid {
		a.log.Warn("admin command needs serializeLastProcessedZxid.enabled=true", zap.String("command", name))
		return refuse(http.StatusInternalServerError, "")
	}
	return nil
}

// restore replaces the tree with the snapshot in the body.
func (a *Admin) restore(r *http.Request) response {
	if refused := a.refuseTransfer("restore", a.opts.RestoreEnabled); refused != nil {
		return *refused
	}
	if !a.restores.begin() {
		a.metrics.RestoreRateLimited.Inc(0)
		return failed(http.StatusTooManyRequests, "")
	}
	defer a.restores.end()
	// A caller that hangs up is noticed by its body ending; half a restore for a
	// lesser reason helps nobody.
	zxid, err := a.node.Restore(context.WithoutCancel(r.Context()), r.Body)
	var refused *RefusedError
	if errors.As(err, &refused) {
		a.log.Warn("restore over admin HTTP refused", zap.Error(err))
		return failed(http.StatusConflict, refused.Reason)
	}
	if err != nil {
		a.metrics.RestoreErrors.Inc(0)
		a.log.Error("restore over admin HTTP failed", zap.Error(err))
		return failed(http.StatusInternalServerError, "")
	}
	return ok(field{"last_zxid", zxid})
}

// shed closes a share of the client connections.
func (a *Admin) shed(r *http.Request) response {
	var body struct{ Percentage *float64 }
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	switch {
	case err != nil:
		return badRequest("Invalid JSON or failed to read request body: " + err.Error())
	case body.Percentage == nil:
		return badRequest("Missing required field: percentage")
	case *body.Percentage < 0 || *body.Percentage > 100:
		return badRequest("Percentage must be between 0 and 100")
	}
	percent := int(*body.Percentage)
	closed := 0
	if percent > 0 {
		closed = a.node.ShedConnections(percent)
	}
	return ok(field{"connections_shed", closed}, field{"percentage_requested", percent})
}

// badRequest is an answer whose error is one of the command's own fields, as
// ZooKeeper has it for this command.
func badRequest(text string) response {
	return response{status: http.StatusBadRequest, fields: object{{"error", text}}}
}
