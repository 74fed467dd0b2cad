package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// A Usage is what a process has taken from the machine so far.
type Usage struct {
	User, System   time.Duration // CPU time since the process started
	Resident, Peak int64         // bytes of memory: now, and at most so far
}

// CPU is user and system time together.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// clockTick is the unit of CPU time in /proc: USER_HZ, 100 on every Linux.
const clockTick = time.Second / 100

// errNoProc is returned where there is no /proc to read.
var errNoProc = errors.New("no /proc here: CPU and memory of a process can only be read on Linux")

// ReadUsage sums the usage of processes. It needs Linux's /proc.
func ReadUsage(pids ...int) (Usage, error) {
	var sum Usage
	for _, pid := range pids {
		u, err := readUsage("/proc/" + strconv.Itoa(pid))
		if err != nil {
			return Usage{}, fmt.Errorf("process %d: %w", pid, err)
		}
		sum.User += u.User
		sum.System += u.System
		sum.Resident += u.Resident
		sum.Peak += u.Peak
	}
	return sum, nil
}

func readUsage(dir string) (Usage, error) {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		if _, noProc := os.Stat("/proc/self/stat"); noProc != nil {
			return Usage{}, errNoProc
		}
		return Usage{}, err
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return Usage{}, err
	}
	return parseUsage(stat, status)
}

// parseUsage reads /proc/PID/stat and /proc/PID/status. The second field of
// stat is the program's name in parentheses and may hold anything, so fields
// are counted from the last parenthesis.
func parseUsage(stat, status []byte) (Usage, error) {
	var u Usage
	i := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[i+1:])
	const utime, stime = 11, 12 // fields 14 and 15 of the whole line
	if i < 0 || len(fields) <= stime {
		return u, errors.New("stat: too few fields")
	}
	user, err1 := strconv.ParseInt(string(fields[utime]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[stime]), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return u, fmt.Errorf("stat: %w", err)
	}
	u.User, u.System = time.Duration(user)*clockTick, time.Duration(system)*clockTick
	for line := range bytes.Lines(status) {
		if v, ok := kilobytes(line, "VmRSS:"); ok {
			u.Resident = v
		}
		if v, ok := kilobytes(line, "VmHWM:"); ok {
			u.Peak = v
		}
	}
	return u, nil
}

// kilobytes reads a line such as "VmRSS:	    1234 kB" as bytes.
func kilobytes(line []byte, key string) (int64, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(key))
	if !ok {
		return 0, false
	}
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0, false
	}
	v, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return v << 10, err == nil
}
