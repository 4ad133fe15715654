package nearcache

// keyIndex finds all nodes of a key, which form a linked list. The Cache's
// mutex guards it.
type keyIndex[N interface {
	comparable
	siblingLink() *N // points to the next node with the same key
}] map[string]N

func (x keyIndex[N]) add(key string, n N) {
	*n.siblingLink() = x[key]
	x[key] = n
}

// remove removes a node that is in the index. The node keeps its link, for
// callers that iterate over the list.
func (x keyIndex[N]) remove(key string, n N) {
	first := x[key]
	link := &first
	for *link != n {
		link = (*link).siblingLink()
	}
	*link = *n.siblingLink()
	var none N
	if first == none {
		delete(x, key)
	} else {
		x[key] = first
	}
}
