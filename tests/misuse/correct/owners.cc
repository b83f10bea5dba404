/* SPDX-License-Identifier: MIT */
/*
 * owners.cc - <pages/pages.hpp> as programs use it: owners that may be empty, loops, members,
 * failures that are handled
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

#include <optional>
#include <string>
#include <vector>

bool chance();
int owners();

namespace {

int
opened_by_chance()
{
	pages::error_code ec;
	pages::rw w;

	if (chance())
		w = pages::rw(4096, ec);
	if (!w)
		return 0;
	return w.at<int>(0);
}

int
opened_again()
{
	pages::rw w(4096);
	int sum = 0;

	for (int i = 0; i < 3; i++) {
		w.at<int>(0) = i;
		pages::ro r = std::move(w).to_ro();
		sum += r.at<int>(0);
		w = std::move(r).to_rw();
	}
	w.close();
	w = pages::rw(8192);
	return sum + w.at<int>(0);
}

int
kept_after_failure()
{
	pages::error_code ec;
	pages::rw w(4096, ec);

	if (ec)
		return -ec.value();
	pages::ro r = std::move(w).to_ro(ec);
	if (ec) {
		w.at<int>(0) = 1;	/* it still has its pages */
		return w.at<int>(0);
	}
	return r.at<int>(0);
}

class table {
	pages::rw draft_{4096};
	pages::ro final_;
	std::optional<pages::frozen> shared_;
	pages::vec<int> index_;

public:
	void set(std::size_t i, int x)
	{
		if (final_)
			draft_ = std::move(final_).to_rw();
		draft_.at<int>(i) = x;
		index_.push_back(static_cast<int>(i));
	}
	int get(std::size_t i) const { return final_ ? final_.at<int>(i) : draft_.at<int>(i); }
	void finish()
	{
		if (draft_)
			final_ = std::move(draft_).to_ro();
	}
	void share() { finish(); shared_ = std::move(final_).freeze(); }
	pages::rw copy() const { return shared_->clone(); }
	const pages::vec<int> &index() const { return index_; }
};

pages::rw
made(std::size_t len)
{
	pages::rw w(len);

	if (chance())
		return w;
	return pages::rw(2 * len);
}

int
in_containers()
{
	std::vector<pages::rw> all;
	std::vector<pages::vec<int>> rows(3);
	int sum = 0;

	for (std::size_t i = 1; i < 4; i++)
		all.push_back(made(4096 * i));
	for (auto &w : all)
		sum += w.at<int>(0);
	for (auto &row : rows)
		row.resize(10, 4);
	for (const auto &row : rows)
		for (int x : row)
			sum += x;
	std::swap(rows[0], rows[1]);
	return sum;
}

} // namespace

int
owners()
{
	table t;

	t.set(1, 2);
	t.finish();
	t.set(2, 3);
	t.share();
	try {
		return opened_by_chance() + opened_again() + kept_after_failure() + in_containers() +
			t.copy().at<int>(1) + static_cast<int>(t.index().size());
	} catch (const std::system_error &) {
		return -1;
	}
}
