package nearcache

// loads finds all loads of a key, which form a linked list. The Cache's mutex
// guards it.
type loads map[string]*Load

func (ls loads) add(l *Load) {
	l.sibling = ls[l.key]
	ls[l.key] = l
}

// remove removes a load that is in the index. The load keeps its link, for
// callers that iterate over the list.
func (ls loads) remove(l *Load) {
	first := ls[l.key]
	link := &first
	for *link != l {
		link = &(*link).sibling
	}
	*link = l.sibling
	if first == nil {
		delete(ls, l.key)
	} else {
		ls[l.key] = first
	}
}
