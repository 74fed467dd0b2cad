package zab

import (
	"encoding/binary"
	"errors"

	"github.com/zabra/zabra/quorum"
	"github.com/zabra/zabra/wire"
)

const (
	headerSize = 32
	zxidAt     = 12
	opAt       = 28
)

var errNoHeader = errors.New("a transaction without a whole header")
var errOtherZxid = errors.New("a transaction with another zxid in its header")

// checkTxn checks that raw begins with a header that bears a zxid.
func checkTxn(raw []byte, z wire.Zxid) error {
	if len(raw) < headerSize {
		return errNoHeader
	}
	if wire.Zxid(binary.BigEndian.Uint64(raw[zxidAt:])) != z {
		return errOtherZxid
	}
	return nil
}

// opOf returns the type of a transaction that checkTxn accepted.
func opOf(raw []byte) wire.OpCode { return wire.OpCode(binary.BigEndian.Uint32(raw[opAt:])) }

// configOf returns the configuration that a reconfig transaction makes.
func configOf(raw []byte) (quorum.Config, error) {
	txn, err := wire.DecodeTxn(raw)
	if err != nil {
		return quorum.Config{}, err
	}
	body, ok := txn.Body.(*wire.SetDataTxn)
	if !ok {
		return quorum.Config{}, errors.New("not a reconfiguration")
	}
	return quorum.Parse(body.Data)
}
