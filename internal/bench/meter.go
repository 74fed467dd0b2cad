package bench

import "os"

// A meter reads the usage of the server and of this process around the time
// that is measured. Where there is no /proc it measures nothing of this
// process; a server's pid that cannot be read is an error before the run.
type meter struct {
	pids         []int
	before       Usage // the server's, before anything was done
	server, self [2]Usage
	blind        bool
}

func newMeter(pids []int) (*meter, error) {
	m := &meter{pids: pids}
	var err error
	if len(pids) > 0 {
		if m.before, err = ReadUsage(pids...); err != nil {
			return nil, err
		}
	}
	_, err = ReadUsage(os.Getpid())
	m.blind = err != nil
	return m, nil
}

const (
	meterStart = 0
	meterEnd   = 1
)

// read takes the reading for meterStart or meterEnd. A server that is gone
// reads as it did before.
func (m *meter) read(when int) {
	m.server[when] = m.server[meterStart]
	if u, err := ReadUsage(m.pids...); err == nil {
		m.server[when] = u
	}
	if !m.blind {
		m.self[when], _ = ReadUsage(os.Getpid())
	}
}

func (m *meter) report(r *Result) {
	if len(m.pids) > 0 {
		r.ServerUsage = costBetween(m.before, m.server[meterStart], m.server[meterEnd], r.Ops)
	}
	if !m.blind {
		r.Client = costBetween(m.self[meterStart], m.self[meterStart], m.self[meterEnd], r.Ops)
	}
}
