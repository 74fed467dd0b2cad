package pipeline

import "github.com/zabra/zabra/wire"

// A client may ask for much with few bytes, and while its reads wait for a write
// they cost nothing but those bytes. When the write is applied they are answered
// all at once. So a read weighs what its answer will have, as far as can be
// known, and the queue is bounded by weight; where the guess was wrong, advance
// ends the connection before the outbox grows beyond measure.

// answerHead is about what a reply has besides its data: header and Stat.
const answerHead = 100

// nameLen is about what a child's name takes in a list.
const nameLen = 24

// weigh guesses how many bytes the answer to a read that has to wait will have.
// The caller holds the tree's lock and mu.
func (c *Client) weigh(op wire.OpCode, body []byte) int {
	switch op {
	case wire.OpGetData, wire.OpGetChildren, wire.OpGetChildren2:
		var r wire.PathWatchRequest
		if DecodeRead(op, body, &r) != wire.OK {
			return answerHead
		}
		return c.weighNode(op, r.Path)
	case wire.OpMultiRead:
		return c.weighMulti(body)
	case wire.OpGetAllChildrenNumber: // short, but it walks that far
		return answerHead + c.core.tree.NodeCount()
	case wire.OpGetEphemerals:
		return answerHead + nameLen*c.core.tree.EphemeralCount()
	}
	return answerHead + len(body)
}

func (c *Client) weighNode(op wire.OpCode, path string) int {
	n, ok := c.core.tree.Find(path)
	switch {
	case op == wire.OpGetData && ok:
		// A write under way may be about to make it that long.
		return answerHead + max(len(c.core.tree.Data(n)), c.mu.heaviest)
	case op == wire.OpGetData:
		return answerHead + c.mu.heaviest
	case ok:
		return answerHead + nameLen*c.core.tree.NumChildren(n)
	}
	return answerHead
}

func (c *Client) weighMulti(body []byte) int {
	req, code := DecodeRequest(wire.OpMultiRead, body)
	if code != wire.OK {
		return answerHead
	}
	sum := answerHead
	for _, op := range req.Multi {
		if sum > c.core.opts.MaxOutbox {
			break // the answer will be that it is too long
		}
		sum += c.weighNode(op.Op, op.Body.(*wire.PathWatchRequest).Path)
	}
	return sum
}
