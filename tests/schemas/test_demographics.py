"""Classes that tell what sort of person somebody is."""

import pytest
from pydantic import ValidationError

from schemas.card import ModelCard
from schemas.demographics import describes_people
from tests.support.graphs import card_of

COCO = """
person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,
bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,
snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,
knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,
dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,
vase,scissors,teddy bear,hair drier,toothbrush""".replace("\n", "").split(",")


def test_the_names_of_coco_are_fine() -> None:
    assert len(COCO) == 80
    assert not any(map(describes_people, COCO))
    assert card_of(b"", {"kind": "yolox"}, classes=COCO).decoded == (0,)


SORTS = """male,Female,child,adult,person_male,face (female),YoungWoman,homme,niño,0-2,60+,25 to 32 years,happy,neutral,
sad_face,Asian,middle-aged man""".replace("\n", "").split(",")


@pytest.mark.parametrize("name", [*SORTS, "(25, 32)"])
def test_sorts_of_people_are_refused(name: str) -> None:
    assert describes_people(name)
    with pytest.raises(ValidationError, match="tell what sort of person it is"):
        card_of(b"", {"kind": "yolox"}, classes={"person": 0, name: 1})


@pytest.mark.parametrize("name", ["person", "head", "baby seat", "white car", "old tree", "class 3", "background", "7"])
def test_other_names_are_fine(name: str) -> None:
    assert not describes_people(name)


def test_the_card_says_which_classes() -> None:
    with pytest.raises(ValidationError, match=r"female, male tell"):
        ModelCard.model_validate(
            card_of(b"", {"kind": "yolox"}).model_dump() | {"classes": ["person", "female", "male", "car"]}
        )
