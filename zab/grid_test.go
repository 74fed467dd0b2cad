package zab

import (
	"fmt"
	"strings"

	"github.com/zabra/zabra/wire"
)

// A grid says what each phase of a machine does with each type of packet, if it is
// well formed and bears the zxid that would be right. The input is the way through
// the phases, in lines of a transcript; a line "phase NAME" adds a column.
func (s *transcript) grid(input string) string {
	var names []string
	cells := map[wire.PacketType][]string{}
	var way []string
	for _, line := range strings.Split(input, "\n") {
		fields := strings.Fields(line)
		if fields[0] != "phase" {
			way = append(way, line)
			continue
		}
		names = append(names, fields[1])
		for typ := wire.PacketType(1); typ <= wire.PacketInformAndActivate+1; typ++ {
			cells[typ] = append(cells[typ], s.cell(way, typ))
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%-18s", "")
	for _, n := range names {
		fmt.Fprintf(&out, " %-9s", n)
	}
	for typ := wire.PacketType(1); typ <= wire.PacketInformAndActivate+1; typ++ {
		fmt.Fprintf(&out, "\n%-18v", typ)
		for _, c := range cells[typ] {
			fmt.Fprintf(&out, " %-9s", c)
		}
	}
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// cell goes a way again, and then gives the machine one more packet.
func (s *transcript) cell(way []string, typ wire.PacketType) string {
	for _, line := range way {
		s.run(strings.Fields(line))
		s.drain()
	}
	s.out.Reset()
	zxid := map[wire.PacketType]string{
		wire.PacketUpToDate: "-1", wire.PacketNewLeader: "2.0", wire.PacketLeaderInfo: "2.0", wire.PacketDiff: "1.4",
		wire.PacketTrunc: "1.4", wire.PacketSnap: "1.4", wire.PacketFollowerInfo: "1.0", wire.PacketObserverInfo: "1.0",
		wire.PacketAckEpoch: "1.4",
	}[typ]
	if zxid == "" {
		zxid = "2.1"
	}
	if s.leader != nil && typ == wire.PacketAck && s.leader.phase < broadcasting {
		zxid = "2.0"
	}
	conn := ""
	if s.leader != nil {
		conn = "1 "
	}
	line := fmt.Sprintf("recv %s%v %s epoch=1", conn, typ, zxid)
	if typ == wire.PacketInformAndActivate || typ == wire.PacketCommitAndActivate {
		line += " voters=1,2,3"
	}
	s.run(strings.Fields(line))
	s.drain()
	out := s.out.String()
	s.out.Reset()
	switch {
	case strings.Contains(out, "zab: "):
		return "refused"
	case out == "":
		return "-"
	}
	return "answered"
}
