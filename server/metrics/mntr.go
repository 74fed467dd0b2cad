package metrics

// AppendMntr appends the lines of mntr: zk_<name>, a tab, the value. The lines
// that are no metrics (zk_version, zk_server_state) are not among them.
func (m *Metrics) AppendMntr(b []byte) []byte {
	m.Each(func(name string, v Value) {
		b = append(b, "zk_"...)
		b = append(b, name...)
		b = append(b, '\t')
		b = append(b, v.String()...)
		b = append(b, '\n')
	})
	return b
}
